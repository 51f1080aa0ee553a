import { otherDoors } from '../scenarios/doors'
import { itHoldsIn } from '../scenarioTests'

itHoldsIn(otherDoors)
