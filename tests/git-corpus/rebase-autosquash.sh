### setup
standard; edit a.txt 5 one; commit one; edit a.txt 9 two; commit two; edit a.txt 5 better; git commit -q -a --fixup HEAD~1
### step
GIT_SEQUENCE_EDITOR=: git rebase -q -i --autosquash HEAD~3
### expect
@git rebase
a.txt git maybe
