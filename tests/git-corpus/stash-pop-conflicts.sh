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
edit a.txt 3 later; commit later
### expect
a.txt other
### step
git stash pop -q || true
### expect
a.txt git what=conflict
### step
edit a.txt 3 resolved
### expect
a.txt other
