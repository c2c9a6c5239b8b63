### setup
diverged; git format-patch -q -1 topic --stdout > ../topic.mbox
### step
git am -q ../topic.mbox
### expect
@git am
a.txt git what=new-head op=am
b.txt gone git
t.txt git
