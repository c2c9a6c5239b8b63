### setup
clashing
### step
git rebase -q topic > /dev/null 2>&1 || true
### expect
a.txt git what=conflict op=rebase
b.txt gone git
t.txt git
### step
git rebase --abort
### expect
a.txt git clean
b.txt git clean
t.txt gone git
