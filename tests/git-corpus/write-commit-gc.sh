### setup
standard
### step
edit a.txt 3 scribble; lines n.txt 3 n; git add n.txt; git commit -q -a -m all; git -c gc.reflogExpire=never gc -q --prune=now
### expect
@git commit
a.txt other
n.txt other
