### setup
clashing
### step
git merge -q topic > /dev/null || true
### expect
a.txt git what=conflict
b.txt gone git
t.txt git
### step
git checkout -q --theirs a.txt
### expect
a.txt git
### step
git checkout -q --ours a.txt
### expect
a.txt git
### step
git checkout -q -m a.txt
### expect
a.txt git what=conflict
