### setup
standard; git diff main topic -- a.txt > ../topic.patch
### step
git apply --index ../topic.patch
### expect
a.txt any clean
