print("cfsm")
def main(): pass
