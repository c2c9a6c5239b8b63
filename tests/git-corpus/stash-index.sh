### setup
standard
### step
edit a.txt 3 staged; git add a.txt; edit a.txt 5 unstaged
### expect
a.txt other
### step
git stash push -q
### expect
a.txt git
### step
git stash pop -q --index
### expect
a.txt git
