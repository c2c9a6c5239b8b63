### setup
standard; lines sub/deep/d.txt 5 d; commit d
### step
git mv sub other
### expect
other/c.txt git from=sub/c.txt
other/deep/d.txt git from=sub/deep/d.txt
