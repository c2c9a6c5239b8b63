### only event
### setup
diverged
### step
edit sub/c.txt 2 dirty; edit a.txt 12 dirty
### expect
sub/c.txt other
a.txt other
### step
git rebase -q --autostash topic
### expect
@git rebase
a.txt git
b.txt gone git
t.txt git
sub/c.txt git maybe
