import { itHoldsIn } from './properties'
import { otherDoors } from './scenarios/doors'

itHoldsIn(otherDoors)
