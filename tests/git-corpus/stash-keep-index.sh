### setup
standard
### step
edit a.txt 3 staged; git add a.txt; edit a.txt 5 unstaged
### expect
a.txt other
### step
git stash push -q --keep-index
### expect
@git stash
a.txt git clean
