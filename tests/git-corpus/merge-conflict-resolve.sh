### setup
clashing
### step
git merge -q topic > /dev/null || true
### expect
a.txt git what=conflict
b.txt gone git
t.txt git
### step
put a.txt 'resolved by hand\n'
### expect
a.txt other
### step
git add a.txt && git commit -q --no-edit
### expect
@git commit (merge)
