### setup
diverged
### step
git merge -q --no-ff --no-edit topic
### expect
@git merge topic
a.txt git what=new-head op=merge clean
b.txt gone git
t.txt git
