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
edit a.txt 10 later; commit later
### expect
a.txt other
### step
git stash pop -q
### expect
a.txt git what=merge
