### setup
diverged
### step
git rebase -q --apply topic
### expect
@git rebase
a.txt git
b.txt gone git
t.txt git
