### setup
standard
### step
edit a.txt 3 'by a program'; touch b.txt; git status > /dev/null
### expect
a.txt other
