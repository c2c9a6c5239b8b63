### setup
clashing
### step
git rebase -q topic > /dev/null 2>&1 || true
### expect
a.txt git what=conflict
b.txt gone git
t.txt git
### step
put a.txt 'resolved by a program\n'; git add a.txt && git rebase --continue > /dev/null
### expect
a.txt other
