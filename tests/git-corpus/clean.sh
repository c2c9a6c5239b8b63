### setup
standard
### step
lines junk/deep/j.txt 3 j; lines k.txt 3 k
### expect
junk/deep/j.txt other
k.txt other
### step
git clean -fdq
### expect
junk/deep/j.txt gone any
k.txt gone any
