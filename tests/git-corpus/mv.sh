### setup
standard
### step
git mv a.txt sub/moved.txt
### expect
sub/moved.txt git from=a.txt clean
