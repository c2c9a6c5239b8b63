### setup
diverged
### step
git rebase -q topic
### expect
@git rebase
a.txt git op=rebase clean
b.txt gone git
t.txt git
