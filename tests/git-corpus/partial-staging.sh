### setup
standard
### step
edit a.txt 2 first; git diff > ../one.patch; edit a.txt 10 second; git apply --cached ../one.patch
### expect
a.txt other
### step
git checkout -q -- a.txt
### expect
a.txt git what=index clean
