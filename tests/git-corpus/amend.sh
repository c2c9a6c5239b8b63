### setup
standard
### step
edit a.txt 3 amended; git commit -q -a --amend --no-edit
### expect
@git commit (amend)
a.txt other
