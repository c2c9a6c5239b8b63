### setup
standard
### step
edit a.txt 3 scribble
### expect
a.txt other
### step
git stash -q
### expect
a.txt git
### step
git stash drop -q
### expect
@git stash drop
