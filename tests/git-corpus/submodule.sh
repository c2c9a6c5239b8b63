### only main
### setup
standard; git init -q -b main ../lib; (cd ../lib; lines l.txt 3 l; commit one); git submodule --quiet add ../lib lib; commit lib; (cd ../lib; edit l.txt 2 two; commit two)
### step
git submodule --quiet update --remote lib
### expect
### step
git add lib; git commit -q -m 'lib moves'; git checkout -q topic
### expect
@git checkout
.gitmodules gone git
a.txt git
b.txt gone git
t.txt git
