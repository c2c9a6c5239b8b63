### setup
standard
### step
git switch -q -c new
### expect
@git checkout
