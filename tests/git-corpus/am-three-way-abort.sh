### only event
### setup
clashing; git format-patch -q -1 topic --stdout > ../topic.mbox
### step
git am -q -3 ../topic.mbox > /dev/null 2>&1 || true
### expect
@git am
a.txt git what=conflict
b.txt gone git
t.txt git
### step
git am --abort
### expect
a.txt git clean
b.txt git clean
t.txt gone git
