### setup
standard
### step
edit a.txt 3 scribble; rm sub/c.txt
### expect
a.txt other
sub/c.txt gone other
### step
git restore a.txt sub/c.txt
### expect
@git restore
a.txt git what=index
sub/c.txt git what=index
