### setup
standard
### step
for n in 1 2 3; do edit a.txt 3 "by a program $n"; git add a.txt; git commit -q -m "program $n"; done
### expect
@git commit
a.txt other
