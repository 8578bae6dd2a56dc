# drayage as an image: built and pruned in one stage, run as nobody in particular in the other.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --ignore-scripts --omit=dev --omit=optional

FROM node:24-slim
ENV NODE_ENV=production
COPY --from=build /app/package.json /app/package.json
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY sql /app/sql
# drayage.yaml is mounted here; the program itself belongs to root and cannot be changed by who runs it.
WORKDIR /etc/drayage
USER node
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["schedule"]
