### setup
standard
### step
git merge -q topic
### expect
@git merge topic
a.txt git what=new-head op=merge
b.txt gone git
t.txt git
