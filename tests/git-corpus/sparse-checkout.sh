### setup
standard; lines other/o.txt 4 o; commit o
### step
git sparse-checkout set --cone other
### expect
sub/c.txt gone git
### step
git sparse-checkout disable
### expect
sub/c.txt git what=index
