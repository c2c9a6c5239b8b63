### setup
standard; for n in 1 2 3 4; do edit a.txt $n "step $n"; commit "step $n"; done
### step
git bisect start HEAD HEAD~4 > /dev/null 2>&1
### expect
@git checkout
a.txt git what=new-head op=checkout
### step
git bisect good > /dev/null
### expect
a.txt git what=new-head
### step
git bisect reset > /dev/null 2>&1
### expect
a.txt git what=new-head
