### setup
standard
### step
edit a.txt 3 scribble
### expect
a.txt other
### step
git stash -q
### expect
@git stash
a.txt git op=stash clean
### step
git stash pop -q
### expect
@git stash pop
a.txt git what=stash op=stash
