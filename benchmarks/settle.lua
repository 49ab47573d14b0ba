-- `settle` of procedures.py, for Redis and Tarantool, which say how a product is got and put. Numbers are doubles.

local function draw_next(draw)
    return draw * 16807 % 2147483647
end

local function demand_of(product, draw)
    local demand = product.demand + draw % 5
    if product.tier == 'popular' then
        demand = demand + math.floor(demand / 2)
    elseif product.tier == 'slow' then
        demand = math.floor(demand / 2)
    end
    if product.price > 5000 then
        demand = math.floor(demand * 3 / 4)
    end
    return demand
end

local function discount_of(product, sold)
    if sold >= 12 then
        return 15
    elseif sold >= 8 then
        return 10
    elseif sold >= 3 and product.tier == 'slow' then
        return 20
    end
    return 0
end

local function sell(product, demand)
    local sold = math.min(demand, product.count)
    product.count = product.count - sold
    product.sold = product.sold + sold
    product.missed = product.missed + demand - sold
    local price = product.price
    local revenue = sold * (price - math.floor(price * discount_of(product, sold) / 100))
    product.revenue = product.revenue + revenue
    return sold, revenue
end

local function remember(product, sold)
    local history = product.history
    table.insert(history, sold)
    table.remove(history, 1)
    local total = 0
    for _, one in ipairs(history) do
        total = total + one
    end
    local average = math.floor(total / #history)
    if average > product.demand + 2 then
        product.tier = 'popular'
    elseif average < product.demand - 1 then
        product.tier = 'slow'
    else
        product.tier = 'plain'
    end
end

local function order(product)
    if product.count >= product.least then
        return 0
    end
    local amount = 2 * product.least - product.count
    if product.tier == 'popular' then
        amount = amount + product.least
    elseif product.tier == 'slow' then
        amount = product.least - product.count
    end
    product.count = product.count + amount
    product.ordered = product.ordered + amount
    return amount
end

local function settle(key, count, get, put)
    local day = tonumber(key)
    local draw = day + 1
    local sold, ordered, revenue, value, low = 0, 0, 0, 0, 0
    local by_category, names = {}, {}
    for number = 0, count - 1 do
        local product = get(number)
        if (number + day) % 10 == 0 then
            draw = draw_next(draw)
            local amount, income = sell(product, demand_of(product, draw))
            remember(product, amount)
            sold = sold + amount
            revenue = revenue + income
            ordered = ordered + order(product)
            put(number, product)
        end
        local worth = product.count * product.price
        value = value + worth
        local category = product.category
        if not by_category[category] then
            by_category[category] = 0
            table.insert(names, category)
        end
        by_category[category] = by_category[category] + worth
        if product.count < product.least then
            low = low + 1
        end
    end
    local first = get(0)
    first.days = first.days + 1
    put(0, first)
    table.sort(names, function(a, b)
        return by_category[a] > by_category[b] or (by_category[a] == by_category[b] and a < b)
    end)
    return string.format('sold %d, ordered %d, revenue %d, value %d, low %d, best %s',
        sold, ordered, revenue, value, low, table.concat(names, ' ', 1, 3))
end
