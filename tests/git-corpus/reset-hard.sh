### setup
diverged
### step
edit b.txt 1 scribble
### expect
b.txt other
### step
git reset -q --hard HEAD~1
### expect
@git reset
a.txt git what=new-head op=reset
b.txt git
