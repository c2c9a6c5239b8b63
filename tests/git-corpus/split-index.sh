### setup
standard; git config core.splitIndex true; git update-index --split-index
### step
git checkout -q topic
### expect
@git checkout
a.txt git what=new-head clean
b.txt gone git
t.txt git clean
