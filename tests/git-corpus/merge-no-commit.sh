### setup
diverged
### step
git merge -q --no-commit --no-ff topic > /dev/null
### expect
@git merge
a.txt git clean
b.txt gone git
t.txt git
