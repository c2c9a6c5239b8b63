### setup
standard
### step
edit a.txt 3 scribble; lines new.txt 3 new
### expect
a.txt other
new.txt other
### step
git stash push -q -u
### expect
@git stash
a.txt git
new.txt gone git what=stash
### step
git stash pop -q
### expect
@git stash pop
a.txt git what=stash
new.txt git what=stash
