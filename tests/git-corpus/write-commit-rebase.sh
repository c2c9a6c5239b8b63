### setup
diverged
### step
lines p.txt 5 p; commit p; git rebase -q topic
### expect
@git commit
a.txt git
b.txt gone git
t.txt git
p.txt any
