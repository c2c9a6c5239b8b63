### setup
standard
### step
git init -q -b main nested; (cd nested; lines n.txt 3 n; commit one; git checkout -q -b x; edit n.txt 2 two; commit two; git checkout -q main)
### expect
nested/n.txt any gone maybe
