### setup
standard; edit a.txt 5 one; commit one; edit a.txt 9 two; commit two
### step
GIT_SEQUENCE_EDITOR='sed -i 1s/pick/edit/' git rebase -q -i HEAD~2 2> /dev/null
### expect
a.txt git op=rebase
### step
edit a.txt 7 'a person edits'
### expect
a.txt other
### step
git commit -q -a --amend --no-edit
### expect
@git commit (amend)
### step
git rebase --continue > /dev/null 2>&1
### expect
@git rebase
a.txt git op=rebase
