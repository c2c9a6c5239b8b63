### setup
clashing
### step
git rebase -q topic > /dev/null 2>&1 || true
### expect
a.txt git what=conflict
b.txt gone git
t.txt git
### step
put a.txt 'resolved by hand\n'
### expect
a.txt other
### step
git add a.txt && git rebase --continue > /dev/null
### expect
@git rebase
