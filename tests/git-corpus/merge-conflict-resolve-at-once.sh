### setup
clashing
### step
git merge -q topic > /dev/null || true
put a.txt 'resolved by a program\n'
git add a.txt && git commit -q --no-edit
### expect
@git commit (merge)
a.txt other
b.txt gone git
t.txt git
