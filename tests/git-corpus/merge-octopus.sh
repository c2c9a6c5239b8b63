### setup
standard; git checkout -q -b third; edit sub/c.txt 2 third; commit third; git checkout -q main
### step
git merge -q --no-edit topic third > /dev/null
### expect
@git merge
a.txt git
b.txt gone git
t.txt git
sub/c.txt git
