"""What stands behind `pipeline.run_local`: is there anything to do, the stages and their history, what is seen."""
