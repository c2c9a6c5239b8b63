### setup
diverged
### step
FILTER_BRANCH_SQUELCH_WARNING=1 git filter-branch -f --tree-filter 'sed -i s/b/B/ b.txt 2> /dev/null || true' HEAD > /dev/null 2>&1
### expect
b.txt git
