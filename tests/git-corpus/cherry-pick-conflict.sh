### setup
clashing
### step
git cherry-pick topic > /dev/null 2>&1 || true
### expect
@git cherry-pick
a.txt git what=conflict op=cherry-pick
b.txt gone git
t.txt git
### step
git cherry-pick --abort
### expect
a.txt git clean
b.txt git clean
t.txt gone git
