### only event
### setup
diverged
### step
git merge -q --squash topic > /dev/null
### expect
a.txt git clean
b.txt gone git
t.txt git clean
