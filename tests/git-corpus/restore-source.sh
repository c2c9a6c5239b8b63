### only event
### setup
standard
### step
git restore --source=topic a.txt t.txt
### expect
@git restore
a.txt git
t.txt git
