### setup
clashing
### step
git merge -q topic > /dev/null || true
### expect
@git merge
a.txt git what=conflict op=merge
b.txt gone git
t.txt git
### step
git merge --abort
### expect
a.txt git clean
b.txt git clean
t.txt gone git
