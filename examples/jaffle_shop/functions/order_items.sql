-- Supplies are summed before the join: joined one by one, they would repeat the item.
with product_supplies as (
    select
        product_id,
        sum(supply_cost)::decimal(18, 2) as supply_cost
    from stg_supplies
    group by product_id
)

select
    item.order_item_id,
    item.order_id,
    item.product_id,
    stg_orders.ordered_at,
    stg_products.product_name,
    stg_products.product_price,
    stg_products.is_food_item,
    stg_products.is_drink_item,
    product_supplies.supply_cost
from stg_order_items as item
left join stg_orders on stg_orders.order_id = item.order_id
left join stg_products on stg_products.product_id = item.product_id
left join product_supplies on product_supplies.product_id = item.product_id
