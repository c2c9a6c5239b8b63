### only event
### setup
diverged
### step
git merge -q --squash topic > /dev/null
### expect
a.txt git clean
b.txt gone git what=index
t.txt git clean
