### setup
standard; git diff main topic -- a.txt > ../topic.patch
### step
git apply ../topic.patch
### expect
a.txt other
